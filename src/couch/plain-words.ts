// What a server says is wrong, without what may be a document's, or a credential.
import { scrub } from '../scrub.ts'

/** Where a text in quotation marks begins, in JSON or Erlang, a binary of Erlang's, or a list of bytes. */
const QUOTED = /"|<<|\[(?=\d)/

/**
 * The words up to what is quoted in them. Where something unforeseen happens inside CouchDB, it says what it had in hand, and that may be the
 * document: `{badmatch,{[{<<"name">>,…`. A validation function may say it, too, as JSON. A proxy may say with which credentials it was asked.
 */
export function plainWords(text: string): string {
  const at = text.search(QUOTED)
  return scrub(at < 0 ? text : `${text.slice(0, at)}…`)
}
