// No boolean arguments by position: `f(deps, true)` does not say what is true. An options object does: `f(deps, { everything: true })`.
// A function of one boolean alone, which converts it, is left.

const FUNCTION = /\bfunction\*?\s*(?<name>\w+)?(?:<[^()]*>)?\(|^\s+(?:async |override |static )*(?<method>#?\w+)\(/gm;
const KEYWORDS = new Set(["if", "for", "while", "switch", "catch", "return", "function", "super", "await"]);
const POSITIONAL_BOOLEAN =
  /(?:^|,)\s*\w+(?:\?|\s*=\s*(?:true|false))?(?::\s*boolean\b|\s*=\s*(?:true|false)\s*(?=,|$))/;

/** The text between a parenthesis and its partner, without anything in inner brackets. */
function parametersAt(text: string, start: number): string {
  let depth = 1;
  let flat = "";
  for (let at = start; at < text.length; at++) {
    const character = text.charAt(at);
    if ("({[".includes(character)) depth += 1;
    else if (")}]".includes(character)) depth -= 1;
    else if (depth === 1) flat += character;
    if (depth === 0) return flat;
  }
  return "";
}

/** Functions and methods of a source text that take a boolean by position. */
export function booleanParameters(file: string, text: string): string[] {
  return [...text.matchAll(FUNCTION)].flatMap((match) => {
    const name = match.groups?.["name"] ?? match.groups?.["method"] ?? "a function";
    const parameters = parametersAt(text, match.index + match[0].length);
    return !KEYWORDS.has(name) && parameters.includes(",") && POSITIONAL_BOOLEAN.test(parameters)
      ? [`${file}: ${name} takes a boolean by position; name it in an options object`]
      : [];
  });
}
