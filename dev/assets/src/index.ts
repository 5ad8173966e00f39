// Serves the static files of a local run: to the gateway as its ASSETS binding, to the front as PICTURES.
export default {
  fetch: (request, env): Promise<Response> => env.ASSETS.fetch(request),
} satisfies ExportedHandler<AssetsEnv>;
