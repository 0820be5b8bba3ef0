// What the golden test bundles: no DSL, so that only the bundling itself can change the text.
import { refuse } from './refuse.ts'

export default function validate(newDoc: { note?: { text?: string } }, oldDoc: object | null): void {
  const text = newDoc.note?.text ?? ''
  if (oldDoc !== null && text === '') refuse('Write something.')
}
