// What the root wrangler.toml runs before a build: stops a plain `wrangler dev`, which would start the gateway without the Workers
// it calls, and says what to run. A deploy passes.
if (process.env["WRANGLER_COMMAND"] === "dev") {
  console.error(`
This is the production configuration of the gateway alone. To run the whole shop:

  npm run dev      every Worker, with reload
  npm start        every Worker, built, and faster
`);
  process.exitCode = 1;
}
