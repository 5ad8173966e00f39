// The client of a live socket in a test: the messages that it received, and the close.

export interface Listener<T> {
  readonly socket: WebSocket;
  /** The subprotocol that the server chose. */
  readonly protocol: string | null;
  /** Every JSON message so far, whether `next` has returned it or not. */
  readonly received: readonly T[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** The next message that `next` has not returned yet. */
  next(): Promise<T>;
  nextText(): Promise<string>;
}

/** Listens on the socket of a response. @throws Error when the response has none. */
export function listening<T>(response: Response): Listener<T> {
  const { webSocket: socket } = response;
  if (socket === null) throw new Error(`no socket, status ${String(response.status)}`);
  const received: T[] = [];
  const unread: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  socket.addEventListener("message", ({ data }) => {
    const text = String(data);
    if (text.startsWith("{")) received.push(JSON.parse(text) as T);
    const reader = waiting.shift();
    if (reader === undefined) unread.push(text);
    else reader(text);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => {
      resolve({ code, reason });
    });
  });
  socket.accept();
  const nextText = async (): Promise<string> =>
    unread.shift() ??
    (await new Promise<string>((resolve) => {
      waiting.push(resolve);
    }));
  return {
    socket,
    protocol: response.headers.get("sec-websocket-protocol"),
    received,
    closed,
    nextText,
    next: async () => JSON.parse(await nextText()) as T,
  };
}
