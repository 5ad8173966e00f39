// Serves the static files of a local run: to the gateway as its ASSETS binding, to the front as PICTURES.

/** Path -> SVG text of the seeded products' pictures; read once. scripts/local/assets.ts writes it. */
let pictures: Promise<Readonly<Record<string, string>>> | undefined;

export default {
  async fetch(request, env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith("/images/products/")) return await env.ASSETS.fetch(request);
    pictures ??= env.ASSETS.fetch(new URL("/pictures.json", request.url)).then((file) => file.json());
    const picture = (await pictures)[pathname];
    return picture === undefined
      ? new Response(null, { status: 404 })
      : new Response(picture, {
          headers: { "content-type": "image/svg+xml", "cache-control": "public, max-age=86400" },
        });
  },
} satisfies ExportedHandler<AssetsEnv>;
