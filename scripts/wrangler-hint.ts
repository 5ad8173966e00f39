// The build command of the root wrangler.toml. It stops a plain `wrangler dev`, which would start the gateway without the Workers that
// it calls, and prints what to run instead. A deploy is not affected.
if (process.env["WRANGLER_COMMAND"] === "dev") {
  console.error(`
This is the production configuration of the gateway alone. To run the whole shop:

  npm run dev      every Worker, with reload
  npm start        every Worker, built, and faster
`);
  process.exitCode = 1;
}
