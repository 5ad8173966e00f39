// The client's end of a live socket in a test: what came, in order, and how it ended.

export interface Listener<T> {
  readonly socket: WebSocket;
  /** The subprotocol that the server chose. */
  readonly protocol: string | null;
  /** Everything that has come and parses as JSON, taken by `next` or not. */
  readonly received: readonly T[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** The next message that no `next` has taken yet. */
  next(): Promise<T>;
  nextText(): Promise<string>;
}

/** Listens on the socket of an answer with 101; any other answer is an error. */
export function listening<T>(response: Response): Listener<T> {
  const { webSocket: socket } = response;
  if (socket === null) throw new Error(`no socket but ${String(response.status)}`);
  const received: T[] = [];
  const untaken: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  socket.addEventListener("message", ({ data }) => {
    const text = String(data);
    if (text.startsWith("{")) received.push(JSON.parse(text) as T);
    const taker = waiting.shift();
    if (taker === undefined) untaken.push(text);
    else taker(text);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => {
      resolve({ code, reason });
    });
  });
  socket.accept();
  const nextText = async (): Promise<string> =>
    untaken.shift() ??
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
