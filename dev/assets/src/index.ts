// The gateway's ASSETS binding in the local runtime: hands every request to the files.
export default {
  fetch: (request, env): Promise<Response> => env.ASSETS.fetch(request),
} satisfies ExportedHandler<AssetsEnv>;
