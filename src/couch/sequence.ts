// What CouchDB's sequences say, as far as that can be told: whether a database is behind what was read of it, because its files were put back, and
// whether anything was purged.
import { inflateSync } from 'node:zlib'
import type { Seq } from './document.ts'

/** Where each shard is, by its node, its range and its life. */
type Positions = Map<string, number>

/** Tags of the external term format: https://www.erlang.org/doc/apps/erts/erl_ext_dist.html */
const TAG = {
  version: 131,
  compressed: 80,
  smallInteger: 97,
  integer: 98,
  smallBig: 110,
  smallTuple: 104,
  nil: 106,
  string: 107,
  list: 108,
  binary: 109,
  atom: 100,
  smallUtf8Atom: 119,
  utf8Atom: 118,
} as const

/**
 * True where a database is behind a sequence that was read of it: then it is not what was read. False where that cannot be told.
 * @param now its `update_seq`
 * @param before a sequence of it, of an earlier time
 */
export function isBehind(now: Seq, before: Seq): boolean {
  const [here, there] = [positionsOf(now), positionsOf(before)]
  if (here === null || there === null) return false
  return [...there].some(([shard, at]) => (here.get(shard) ?? Infinity) < at)
}

/**
 * True where nothing was purged between these two: the count before the dash, of all shards. What comes after it names the nodes that answered,
 * and on a cluster those are others each time. https://docs.couchdb.org/en/stable/cluster/purging.html
 * @param now `purge_seq` of a database; absent: the server does not say
 * @param before the same, of an earlier time; absent: nobody has looked
 */
export const isPurgedAs = (now: Seq | undefined, before: Seq | undefined): boolean =>
  countIn(now) === countIn(before)

const countIn = (seq: Seq | undefined): string | undefined =>
  seq === undefined ? undefined : String(seq).split('-', 1)[0]

/** Null for what is no sequence of CouchDB's, or one that no shard has had a part in. */
function positionsOf(seq: Seq): Positions | null {
  const text = String(seq)
  // The embedded server's are numbers.
  if (/^\d+$/.test(text)) return new Map([['', Number(text)]])
  const opaque = /^\d+-([\w-]+)$/.exec(text)?.[1]
  if (opaque === undefined) return null
  try {
    return shardsIn(new Term(Buffer.from(opaque, 'base64url')).read())
  } catch {
    return null
  }
}

/** `[{Node, Range, {Seq, Uuid, EpochNode}}, …]`: `fabric_view_changes:pack_seqs`. */
function shardsIn(term: unknown): Positions {
  const positions: Positions = new Map()
  if (!Array.isArray(term)) return positions
  for (const shard of term as unknown[]) {
    const [node, range, place] = Array.isArray(shard) ? (shard as unknown[]) : []
    const [at, life] = Array.isArray(place) ? (place as unknown[]) : []
    if (typeof at === 'number') positions.set(JSON.stringify([node, range, life]), at)
  }
  return positions
}

/** Reads what `term_to_binary` wrote: no more of it than is in a sequence. */
class Term {
  #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    if (this.#byte() !== TAG.version) throw new RangeError('no term')
    if (bytes[1] !== TAG.compressed) return
    this.#bytes = inflateSync(bytes.subarray(6))
    this.#at = 0
  }

  read(): unknown {
    switch (this.#byte()) {
      case TAG.smallInteger:
        return this.#byte()
      case TAG.integer:
        return this.#take(4).readInt32BE()
      case TAG.smallBig: {
        const size = this.#byte()
        const isNegative = this.#byte() === 1
        const number = [...this.#take(size)].reduceRight((sum, byte) => sum * 256 + byte, 0)
        return isNegative ? -number : number
      }
      case TAG.smallTuple:
        return this.#terms(this.#byte())
      case TAG.nil:
        return []
      case TAG.string:
        return [...this.#take(this.#take(2).readUInt16BE())]
      case TAG.list: {
        const terms = this.#terms(this.#take(4).readUInt32BE())
        this.read()
        return terms
      }
      case TAG.binary:
        return this.#take(this.#take(4).readUInt32BE()).toString('latin1')
      case TAG.atom:
      case TAG.utf8Atom:
        return this.#take(this.#take(2).readUInt16BE()).toString('utf8')
      case TAG.smallUtf8Atom:
        return this.#take(this.#byte()).toString('utf8')
      default:
        throw new RangeError('another kind of term')
    }
  }

  #terms(count: number): unknown[] {
    const terms: unknown[] = []
    for (let at = 0; at < count; at += 1) terms.push(this.read())
    return terms
  }

  #byte(): number {
    return this.#take(1).readUInt8()
  }

  #take(size: number): Buffer {
    if (this.#at + size > this.#bytes.length) throw new RangeError('a term that is cut')
    this.#at += size
    return this.#bytes.subarray(this.#at - size, this.#at)
  }
}
