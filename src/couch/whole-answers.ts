// Hands an answer on only when all of it is there. nano reads bodies in a promise that nobody holds (lib/nano.js,
// `responseHandler`): an answer that breaks off would leave its request pending for ever and end this process.
import type { Dispatcher } from 'undici'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController
type Start = Parameters<NonNullable<Handler['onResponseStart']>>
type End = Parameters<NonNullable<Handler['onResponseEnd']>>

class WholeAnswer implements Handler {
  readonly #handler: Handler
  #start: Start | null = null
  readonly #chunks: Buffer[] = []

  constructor(handler: Handler) {
    this.#handler = handler
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context)
  }

  onResponseStart(...start: Start): void {
    this.#start = start
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  onResponseEnd(...end: End): void {
    const [controller] = end
    if (this.#start !== null) this.#handler.onResponseStart?.(...this.#start)
    for (const chunk of this.#chunks) this.#handler.onResponseData?.(controller, chunk)
    this.#handler.onResponseEnd?.(...end)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#handler.onResponseError?.(controller, error)
  }
}

/** An interceptor for the requests that are sent through nano; never for streams. */
export const wholeAnswers: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  dispatch(options, new WholeAnswer(handler))
