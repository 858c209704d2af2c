import { z } from 'zod';

const jsonSchema = z.object({ files: z.array(z.object({ filename: z.string(), url: z.string() })) });

/**
 * Returns the URL of a file listed on a simple index page, in JSON (PEP 691) or HTML (PEP 503), relative to the page or
 * absolute. Null if the page does not list it or is not an index page. Takes time linear in the page's length.
 */
export function addressIn(page: { text: string; contentType: string }, file: string): string | null {
  if (page.contentType.includes('json')) {
    const parsed = jsonSchema.safeParse(jsonIn(page.text));
    return parsed.data?.files.find(({ filename }) => filename === file)?.url ?? null;
  }
  for (const address of linksIn(page.text)) {
    const path = address.split(/[?#]/, 1)[0] ?? '';
    if (path === file || path.endsWith(`/${file}`)) return address;
  }
  return null;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const SPACE = /\s/;
/** The end of an attribute name, and of an unquoted value. */
const NAME_END = /[\s=>]/;
const VALUE_END = /[\s>]/;

/** Yields the URLs of a page's links, in order. The cursor only moves forward, so no page takes quadratic time. */
export function* linksIn(html: string): Generator<string> {
  let at = 0;
  const skipWhile = (isPart: (character: string) => boolean): string => {
    const start = at;
    while (at < html.length && isPart(html.charAt(at))) at++;
    return html.slice(start, at);
  };
  while (true) {
    at = html.indexOf('<', at);
    if (at === -1) return;
    at++;
    if (html.charAt(at).toLowerCase() !== 'a' || !SPACE.test(html.charAt(at + 1))) continue;
    at++;
    let address: string | null = null;
    while (true) {
      skipWhile((character) => SPACE.test(character));
      if (at >= html.length) return;
      if (html.charAt(at) === '>') break;
      const name = skipWhile((character) => !NAME_END.test(character)).toLowerCase();
      skipWhile((character) => SPACE.test(character));
      if (html.charAt(at) !== '=') continue;
      at++;
      skipWhile((character) => SPACE.test(character));
      const quote = html.charAt(at);
      let value: string;
      if (quote === '"' || quote === "'") {
        const end = html.indexOf(quote, at + 1);
        if (end === -1) return;
        value = html.slice(at + 1, end);
        at = end + 1;
      } else value = skipWhile((character) => !VALUE_END.test(character));
      if (name === 'href') address ??= value;
    }
    if (address !== null) yield address.replaceAll('&amp;', '&');
  }
}
