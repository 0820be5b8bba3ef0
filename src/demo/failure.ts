// What the demo says when it cannot go on.

/** The message is a sentence for the user. */
export class DemoError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DemoError'
  }
}
