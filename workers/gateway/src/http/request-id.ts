// One request, one id: taken from the client when it is sane, so that its logs and ours meet, else made. It is also the
// correlation id of every event that the request causes.
import { newId } from "#shared/ids";

const SANE_ID = /^[A-Za-z0-9._-]{1,100}$/;
/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function requestIdOf(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given !== null && SANE_ID.test(given) ? given : newId("req");
}

export function traceparentOf(request: Request): string | undefined {
  const given = request.headers.get("traceparent");
  return given !== null && TRACEPARENT.test(given) ? given : undefined;
}
