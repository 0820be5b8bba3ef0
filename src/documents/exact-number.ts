// Numbers that CouchDB keeps as they are written, and JavaScript does not.

/** A number that JavaScript cannot hold; it keeps its source text and is written back unchanged. */
export class ExactNumber {
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
  toJSON(): never {
    throw exactNumberMet
  }
}

/** Thrown out of JSON.stringify at the first ExactNumber, so that the slow writer runs only where it is needed. */
export const exactNumberMet = new Error('an ExactNumber needs encodeJson')
