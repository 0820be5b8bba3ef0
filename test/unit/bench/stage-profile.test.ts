// Which stage requests and functions belong to.
import assert from 'node:assert/strict'
import { endpointOf, stageOfRequest, stageOfStack, type Stage } from '../../bench/stage-profile.ts'

const outbox = '/bench-1%2Fjoe%2F%24shares'

describe('bench/stage-profile', () => {
  const requests: readonly [string, string, Stage, object?][] = [
    ['GET', '/bench-1%2Fjoe/_changes?include_docs=true', 'read'],
    ['GET', '/_db_updates?feed=continuous', 'read'],
    ['POST', '/_dbs_info', 'read'],
    ['GET', outbox, 'read'],
    ['POST', `${outbox}/_all_docs`, 'gather'],
    ['POST', '/share%2Fmilk/_bulk_get?revs=true', 'gather'],
    ['POST', '/shares/_design/shares/_view/by-database', 'gather'],
    ['GET', '/bench-1%2Fjoe/todo%2F1', 'gather'],
    [
      'POST',
      `${outbox}/_bulk_docs`,
      'copy',
      { docs: [{ _id: 'base/todo/1' }, { _id: 'share/milk/todo/1' }] },
    ],
    ['POST', `${outbox}/_bulk_docs`, 'base', { docs: [{ _id: 'base/todo/1' }] }],
    ['PUT', `${outbox}/share%2Fmilk%2Ftodo%2F1`, 'copy'],
    ['POST', '/share%2Fmilk/_bulk_docs', 'push', { docs: [] }],
    ['POST', '/share%2Fmilk/_purge', 'push'],
    ['POST', '/shares%2Fcheckpoints/_bulk_docs', 'checkpoint'],
    ['POST', '/shares%2Fcheckpoints/_all_docs', 'checkpoint'],
    ['POST', '/bench-1%2Fjoe/_bulk_docs', 'other'],
    ['PUT', '/shares/share%2Fmilk', 'other'],
  ]
  for (const [method, path, expected, body] of requests)
    it(`${method} ${path} is of ${expected}${body ? ` with ${JSON.stringify(body)}` : ''}`, () =>
      assert.equal(
        stageOfRequest({ method, path, body: body ? Buffer.from(JSON.stringify(body)) : null }),
        expected,
      ))

  const endpoints: readonly [string, string, string][] = [
    ['POST', `${outbox}/_bulk_docs`, 'POST outbox/_bulk_docs'],
    ['GET', '/bench-1%2Fjoe/_changes?feed=longpoll&since=1', 'GET user/_changes (longpoll)'],
    ['GET', '/bench-1-gateway/_changes', 'GET gateway/_changes'],
    ['GET', '/bench-1%2Fjoe%2Fbench-1-gateway/_changes', 'GET user of a gateway/_changes'],
    ['GET', '/bench-1-plain%2Fmaster/_changes', 'GET master/_changes'],
    ['PUT', '/shares/share%2Fmilk', 'PUT shares/{id}'],
    ['GET', '/', 'GET '],
  ]
  for (const [method, path, expected] of endpoints)
    it(`calls ${method} ${path} ${expected}`, () => assert.equal(endpointOf({ method, path }), expected))

  const at = (path: string, functionName = 'f') => ({
    functionName,
    url: `file:///tmp/build/dist/${path}.js`,
  })
  const stacks: readonly [string, ReturnType<typeof at>[], Stage | null][] = [
    ['a plan', [at('documents/merge'), at('shares/plan/object'), at('shares/reconcile/objects')], 'plan'],
    ['a plan of another feature', [at('provisioning/plan-user')], 'plan'],
    ['what gathers', [at('couch/database'), at('shares/gather/objects')], 'gather'],
    ['a page', [at('shares/gather/user-docs'), at('shares/reconciler')], 'read'],
    ['a copy', [at('couch/bulk'), at('shares/perform/outbox')], 'copy'],
    ['a push', [at('shares/perform/copies')], 'push'],
    ['a base', [at('shares/model/base')], 'base'],
    ['a checkpoint', [at('engine/checkpoints')], 'checkpoint'],
    ['something else', [at('shares/registry')], 'other'],
    ['the client after an answer', [at('documents/json'), at('couch/client')], 'transport'],
    ['a package', [{ functionName: 'f', url: 'file:///node_modules/undici/dist/x.js' }], 'transport'],
    ['native code', [{ functionName: '(program)', url: '' }], 'transport'],
    [
      'collecting garbage',
      [{ functionName: '(garbage collector)', url: '' }, at('shares/plan/object')],
      'garbage',
    ],
    ['nothing', [{ functionName: '(idle)', url: '' }], null],
    ['the watching itself', [{ functionName: 'f', url: 'file:///x/test/bench/profile.ts' }], null],
  ]
  for (const [what, stack, expected] of stacks)
    it(`takes ${what} for ${expected ?? 'no stage'}`, () => assert.equal(stageOfStack(stack), expected))
})
