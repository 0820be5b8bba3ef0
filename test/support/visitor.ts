// Somebody who speaks HTTP with a server, as an application does.
/* eslint-disable @typescript-eslint/no-explicit-any -- answers are asserted on as they come */

export interface Answer {
  status: number
  headers: Headers
  /** What the JSON says; text where it is none. */
  body: any
}

export const basic = (user: string, pass: string): string =>
  `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}`

export class Visitor {
  readonly headers: Record<string, string>
  readonly #urlOf: () => string

  /**
   * @param urlOf of the server, which may not run yet
   * @param headers of each request
   */
  constructor(urlOf: () => string, headers: Record<string, string> = {}) {
    this.#urlOf = urlOf
    this.headers = headers
  }

  get url(): string {
    return this.#urlOf()
  }

  async ask(
    method: string,
    to: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.url + to, {
      method,
      headers: { 'content-type': 'application/json', ...this.headers, ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    let parsed: unknown = text
    try {
      parsed = JSON.parse(text)
    } catch {
      // Attachments and update functions answer with text.
    }
    return { status: response.status, headers: response.headers, body: parsed }
  }

  get = (to: string) => this.ask('GET', to)
  put = (to: string, body?: unknown) => this.ask('PUT', to, body)
  post = (to: string, body?: unknown) => this.ask('POST', to, body)
  delete = (to: string) => this.ask('DELETE', to)
}
