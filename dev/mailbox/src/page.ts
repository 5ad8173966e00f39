// The mailbox as a page without scripts or loaded resources. Mails are shown as text, and their html in a sandboxed frame.
import { html } from "hono/html";
import type { Letter, LetterList } from "./letter.ts";

type Html = ReturnType<typeof html>;

const STYLE = html`<style>
  body {
    font:
      16px/1.5 system-ui,
      sans-serif;
    max-width: 46rem;
    margin: 2rem auto;
    padding: 0 1rem;
    color: #1a1f36;
  }
  article {
    border: 1px solid #d5dbe1;
    border-radius: 0.4rem;
    margin: 1rem 0;
    padding: 0.75rem 1rem;
  }
  h2 {
    font-size: 1.05rem;
    margin: 0;
    overflow-wrap: anywhere;
  }
  p {
    margin: 0.25rem 0;
    overflow-wrap: anywhere;
  }
  pre {
    font-size: 0.9rem;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  iframe {
    width: 100%;
    height: 20rem;
    border: 1px solid #d5dbe1;
    background: #fff;
  }
  .about {
    color: #697386;
  }
</style>`;

function headersOf(letter: Letter): string {
  return Object.entries(letter.headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");
}

function article(letter: Letter): Html {
  const time = new Date(letter.at).toISOString();
  return html`<article>
    <h2>${letter.subject === "" ? letter.channel : letter.subject}</h2>
    <p>To <a href="?to=${encodeURIComponent(letter.to)}">${letter.to}</a></p>
    <p class="about">${letter.channel} from ${letter.from}, <time datetime="${time}">${time}</time></p>
    ${letter.text === null ? "" : html`<pre>${letter.text}</pre>`}
    ${
      letter.html === null
        ? ""
        : html`<details>
            <summary>HTML</summary>
            <iframe sandbox="" loading="lazy" title="HTML of this mail" srcdoc="${letter.html}"></iframe>
          </details>`
    }
    <details>
      <summary>Headers</summary>
      <pre>${`Id: ${letter.id}\n${headersOf(letter)}`}</pre>
    </details>
  </article>`;
}

/** @param to the address that the list is filtered by, if any. */
export function mailboxPage({ items, total }: LetterList, to: string | undefined): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Mailbox</title>
        ${STYLE}
      </head>
      <body>
        <h1>Mailbox</h1>
        <p class="about">
          What the local shop would have sent${to === undefined ? "" : html` to <strong>${to}</strong>`}:
          ${items.length} of ${total}, newest first.${to === undefined ? "" : html` <a href="?">All</a>`}
        </p>
        ${items.length === 0 ? html`<p>Nothing has been sent.</p>` : items.map(article)}
      </body>
    </html>`;
}
