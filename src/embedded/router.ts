// Finds who answers a request. Its path is parsed once: what may be done and what is done go by the same parts.
import { CouchFault, notFound } from './faults.ts'
import { readJson } from './parameters.ts'
import type { Handler, Request, Response } from './request.ts'

/** The decoded parts of a path; a design or local document is two, however its slash is written. Throws a URIError. */
export function partsOf(url: string): string[] {
  const [path = ''] = url.split('?')
  const parts = path.replace(/^\//, '').replace(/\/$/, '').split('/').map(decodeURIComponent)
  const [, scope, rest] = /^(_design|_local)\/(.*)$/s.exec(parts[1] ?? '') ?? []
  if (scope !== undefined) parts.splice(1, 1, scope, rest ?? '')
  return parts.length === 1 && parts[0] === '' ? [] : parts
}

interface RoutePattern {
  path: string
  pattern: string[]
  handlers: Map<string, Handler>
}

const ANY = 'any'

/** The first route whose path fits answers, whatever its methods are. */
export class Router {
  readonly #routes: RoutePattern[] = []

  /** Answers HEAD, too: node leaves the body out. */
  get(path: string, handle: Handler): void {
    this.raw('GET', path, handle)
    this.raw('HEAD', path, handle)
  }

  post(path: string, handle: Handler): void {
    this.raw('POST', path, withBody(handle))
  }

  put(path: string, handle: Handler): void {
    this.raw('PUT', path, withBody(handle))
  }

  delete(path: string, handle: Handler): void {
    this.raw('DELETE', path, handle)
  }

  all(path: string, handle: Handler): void {
    this.raw(ANY, path, handle)
  }

  /** For a handler that reads the body itself. A path may end with `*`, for one part or more. */
  raw(method: string, path: string, handle: Handler): void {
    const known = this.#routes.find((route) => route.path === path)
    if (known !== undefined) known.handlers.set(method, handle)
    else {
      const pattern = path.split('/').filter((part) => part !== '')
      this.#routes.push({ path, pattern, handlers: new Map([[method, handle]]) })
    }
  }

  /** Throws what CouchDB says where there is no such path, or no such method of it. */
  async answer(request: Request, response: Response): Promise<void> {
    const { method, parts } = request
    for (const { pattern, handlers } of this.#routes) {
      const params = matched(pattern, parts)
      if (params === null) continue
      const handle = handlers.get(method) ?? handlers.get(ANY)
      if (handle === undefined) throw wrongMethod(response, [...handlers.keys()])
      request.params = params
      return handle(request, response)
    }
    throw notFound('missing')
  }
}

const withBody =
  (handle: Handler): Handler =>
  async (request, response) => {
    request.body = await readJson(request)
    return handle(request, response)
  }

function matched(pattern: readonly string[], parts: readonly string[]): Record<string, string> | null {
  const isOpen = pattern.at(-1) === '*'
  if (isOpen ? parts.length < pattern.length : parts.length !== pattern.length) return null
  const params: Record<string, string> = {}
  for (const [at, wanted] of pattern.entries()) {
    const part = parts[at] ?? ''
    if (wanted === '*') params['rest'] = parts.slice(at).join('/')
    else if (!wanted.startsWith(':')) {
      if (part !== wanted) return null
    } else if (part === '') return null
    else params[wanted.slice(1)] = part
  }
  return params
}

function wrongMethod(response: Response, methods: string[]): CouchFault {
  const allowed = methods.sort().join(',')
  response.setHeader('allow', allowed)
  return new CouchFault(405, 'method_not_allowed', `Only ${allowed} allowed`)
}
