// Starts Swagger UI on this server's own document. No validator and no other host is asked. A token that is typed in stays in this
// page's memory alone: in the browser's storage any script of this origin could read it, and it would outlive the sign-out.
globalThis.localStorage.removeItem("authorized");
globalThis.SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  persistAuthorization: false,
});
