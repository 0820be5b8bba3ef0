// Documents that a hostile user writes, in each place that the daemon reads: as JSON text, so that a failure shows what was sent.
import fc from 'fast-check'
import { anyJson, hostileText, objectText } from './hostile-json.ts'

/** Into which database a document is written: the hostile user's own, a share, or as an account that somebody makes. */
export type Place = 'own' | 'public' | 'account'

/**
 * `write`: over what is there, as any client does · `conflict`: beside it, with a revision of its own choice · `tombstone`: a deleted
 * one, which may say anything.
 */
export type Manner = 'write' | 'conflict' | 'tombstone'

export interface HostileDocument {
  place: Place
  manner: Manner
  id: string
  /** JSON text of all that the document says beside its `_id` and its revisions. */
  text: string
  /** The revisions of one that is pushed: JSON of the generation, and the names, the newest first. */
  start: string
  hashes: string[]
  /** Whether these go on from the revision that is there. */
  isGrown: boolean
}

const json = JSON.stringify
const quoted = (text: fc.Arbitrary<string>): fc.Arbitrary<string> => text.map((one) => json(one))

/** `x` and `y` are the well-behaved users', `pub` may be written into by everybody, the others are nobody's yet. */
const SHARES = ['x', 'y', 'pub', 'e1', 'e2', 'constructor', 'toString', 'valueof', '__proto__'] as const
const shareId = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<string>(...SHARES) },
  { weight: 2, arbitrary: hostileText },
)

const PEOPLE = [
  ...['joe', 'user/joe', 'ann', 'eve', 'user/eve', 'pat', 'joe0', 'ann0', 'eve0', '_admin', '_users'],
  ...['constructor', '__proto__', 'share-x-0123456789abcdef0123456789abcdef'],
]
const person = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...PEOPLE) },
  { weight: 1, arbitrary: hostileText },
)

/** Objects that there are, some under the names of things of the daemon's own. */
const OBJECTS = [
  ...[
    'a',
    'b',
    'o1',
    'o2',
    'base/o1',
    'base/a',
    'share/x/a',
    'share/pub/o1',
    'shares',
    'user/joe0',
    'e1',
    'x',
  ],
  ...['constructor', '\u0000', '..', `long ${'😀'.repeat(400)}`, `l/${'x'.repeat(5_000)}`],
]
const object = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...OBJECTS) },
  { weight: 2, arbitrary: hostileText.filter((id) => id !== '' && !id.startsWith('_')) },
)

const names = fc.oneof(
  { weight: 4, arbitrary: fc.array(person, { maxLength: 4 }).map(json) },
  { weight: 2, arbitrary: fc.constantFrom('true', 'false') },
  { weight: 1, arbitrary: anyJson },
)
const access = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('true', '{"read":true}', '{"write":true}', 'false', '{}') },
  {
    weight: 3,
    arbitrary: fc.tuple(names, names).map(([read, write]) => `{"read":${read},"write":${write}}`),
  },
  { weight: 2, arbitrary: names },
  { weight: 1, arbitrary: anyJson },
)

const attribute = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('name', 'note', 'updatedAt', '_attachments', 'constructor', '__proto__'),
  },
  { weight: 1, arbitrary: hostileText },
)
const wish = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('true', 'false') },
  { weight: 3, arbitrary: fc.array(attribute, { maxLength: 5 }).map(json) },
  { weight: 2, arbitrary: anyJson },
)
const consents = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.tuple(shareId, wish), { maxLength: 4 }).map(objectText) },
  { weight: 1, arbitrary: anyJson },
)

const CODES = ['id_taken', 'failed', 'too_large', 'no_such_share', 'constructor', 'wrong_type']
const problem = fc
  .tuple(fc.constantFrom(...CODES), anyJson, anyJson)
  .map(([code, reason, shares]) => `{"code":"${code}","reason":${reason},"shares":${shares}}`)
const rejections = fc
  .array(
    fc
      .tuple(quoted(object), fc.constantFrom(...CODES), anyJson)
      .map(([document, code, at]) => `{"document":${document},"code":"${code}","reason":"x","at":${at}}`),
    { maxLength: 3 },
  )
  .map((lines) => `[${lines.join()}]`)

const TIMES = [
  ...['"2026-01-01T00:00:00Z"', '"9999-99-99"', '8.64e15', '-1', '1e300', '"+275760-09-13"', '"01/02/03"'],
  '99999999999999999999',
]
const time = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...TIMES) }, { weight: 1, arbitrary: anyJson })

const base64 = fc.constantFrom('""', '"YQ=="', `"${'QUJD'.repeat(500)}"`)
const attachments = fc
  .array(
    fc.tuple(
      hostileText.filter((name) => !name.startsWith('_')),
      fc
        .tuple(base64, quoted(fc.oneof(fc.constantFrom('text/plain', 'application/json'), hostileText)))
        .map(([data, type]) => `{"data":${data},"content_type":${type}}`),
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map(objectText)

/** Attributes that the daemon reads or writes somewhere. */
const KNOWN: Record<string, fc.Arbitrary<string>> = {
  type: fc.oneof(
    fc.constantFrom('"$share"', '"$subscription"', '"$invitation"', '"user"', '"share"', '"subscription"'),
    anyJson,
  ),
  access,
  password: fc.oneof(
    { weight: 2, arbitrary: quoted(hostileText) },
    { weight: 1, arbitrary: fc.constantFrom('{"set":true,"name":"share-x-1"}', 'null') },
    { weight: 1, arbitrary: anyJson },
  ),
  onEnd: fc.oneof(fc.constantFrom('"keep"', '"remove"'), anyJson),
  share: quoted(shareId),
  owner: quoted(person),
  $shares: consents,
  $state: fc.oneof(fc.constantFrom('"active"', '"ended"', '"error"'), anyJson),
  $error: fc.oneof(problem, anyJson),
  $rejected: fc.oneof(rejections, anyJson),
  $reason: anyJson,
  $participants: anyJson,
  $waiting: anyJson,
  $restore: fc.oneof(fc.constant('true'), anyJson),
  $removed: anyJson,
  updatedAt: time,
  hoodie: fc.oneof(
    time.map((at) => `{"updatedAt":${at}}`),
    anyJson,
  ),
  createdBy: anyJson,
  name: anyJson,
  note: anyJson,
  // CouchDB keeps these, and no other ones that begin so.
  _replication_state: anyJson,
  _replication_id: anyJson,
}

const members = (
  known: readonly string[],
  more: fc.Arbitrary<string> = hostileText,
): fc.Arbitrary<[string, string][]> =>
  fc
    .tuple(
      fc.subarray([...known], { maxLength: Math.min(6, known.length) }).chain((some) => {
        const named = (name: string) => (KNOWN[name] ?? anyJson).map((text): [string, string] => [name, text])
        return fc.tuple(...some.map(named))
      }),
      fc.array(
        fc.tuple(
          more.filter((name) => !name.startsWith('_')),
          anyJson,
        ),
        { maxLength: 3 },
      ),
      fc.option(attachments, { freq: 4, nil: null }),
    )
    .map(([some, others, attached]) => [
      ...others,
      ...some,
      ...(attached === null ? [] : [['_attachments', attached] as [string, string]]),
    ])

const HASHES = [
  'a'.repeat(32),
  'b'.repeat(32),
  'A',
  '',
  'x-y',
  '__proto__',
  'a\u0000b',
  '😀',
  '%2F?#"',
  'q'.repeat(500),
]
const revisions = fc.record({
  start: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('1', '2', '5') },
    {
      weight: 2,
      arbitrary: fc.constantFrom('0', '-1', '9007199254740993', '99999999999999999999999', '2147483648'),
    },
  ),
  hashes: fc.array(fc.constantFrom(...HASHES), { minLength: 1, maxLength: 4 }),
  isGrown: fc.boolean(),
})

const manner = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Manner>('write') },
  { weight: 2, arbitrary: fc.constant<Manner>('conflict') },
  { weight: 1, arbitrary: fc.constant<Manner>('tombstone') },
)

const all = Object.keys(KNOWN)
const always =
  (...given: [string, string][]) =>
  (some: [string, string][]): string =>
    objectText([...given, ...some])

const document = (
  place: Place,
  id: fc.Arbitrary<string>,
  text: fc.Arbitrary<string>,
): fc.Arbitrary<HostileDocument> =>
  fc
    .record({ manner, id, text, revisions })
    .map(({ revisions: line, ...one }) => ({ place, ...one, ...line }))

const control = (kind: string, known: readonly string[]): fc.Arbitrary<HostileDocument> =>
  document(
    'own',
    shareId.map((id) => `${kind}/${id}`),
    fc.oneof(
      { weight: 4, arbitrary: members(known).map(always(['type', json(kind)])) },
      { weight: 1, arbitrary: members(all).map(always()) },
    ),
  )

const BY_DAEMON = ['$state', '$error', '$rejected', '$reason', '$participants', '$waiting']
const ACCOUNTS = [
  ...['joe', 'ann', 'pat', 'user/joe0', 'joe0', 'constructor', '__proto__', 'eve', '6a6f6530', 'user/'],
  'share-x-0123456789abcdef0123456789abcdef',
]

/** Any document that a hostile user, or a guest of a public share, can get into a CouchDB. */
export const hostileDocument: fc.Arbitrary<HostileDocument> = fc.oneof(
  { weight: 4, arbitrary: control('$share', ['access', 'password', ...BY_DAEMON, 'name']) },
  { weight: 4, arbitrary: control('$subscription', ['password', 'onEnd', 'share', ...BY_DAEMON]) },
  { weight: 1, arbitrary: control('$invitation', ['share', 'owner', 'access']) },
  { weight: 1, arbitrary: control('$provision', ['$state', '$restore', '$rejected']) },
  {
    weight: 1,
    arbitrary: document(
      'own',
      fc.constantFrom('$gateway', '$', '$share', '$share/', '$other'),
      members(all).map(always()),
    ),
  },
  {
    weight: 8,
    arbitrary: document(
      'own',
      object,
      fc.tuple(consents, members(all)).map(([$shares, some]) => always(['$shares', $shares])(some)),
    ),
  },
  {
    weight: 5,
    arbitrary: document(
      'public',
      fc.oneof(
        { weight: 8, arbitrary: object.map((id) => `share/pub/${id}`) },
        {
          weight: 1,
          arbitrary: fc.oneof(object, hostileText).filter((id) => id !== '' && !id.startsWith('_')),
        },
      ),
      members([
        'updatedAt',
        'hoodie',
        'name',
        'note',
        'createdBy',
        'type',
        '$restore',
        '_replication_state',
      ]).map(always()),
    ),
  },
  {
    weight: 2,
    arbitrary: document(
      'account',
      fc.oneof(
        { weight: 2, arbitrary: fc.constant('user/eve') },
        { weight: 2, arbitrary: fc.constantFrom(...ACCOUNTS) },
        { weight: 1, arbitrary: hostileText.filter((name) => name !== '' && !/^_|:/.test(name)) },
      ),
      members(['access', '$shares', 'share', 'owner', 'note']).map(always()),
    ),
  },
)
