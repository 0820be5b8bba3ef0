// A content by digests: what it held can be told without keeping it.
import { digestOf } from './digest.ts'
import type { AttachmentStub, Content } from './content.ts'

/** The digests of a content, by name. */
export interface Digests {
  attributes: Record<string, string>
  attachments: Record<string, string>
}

/** The digests of a content. */
export const digestsOf = ({ attributes, attachments }: Content): Digests => ({
  attributes: mapValues(attributes, digestOf),
  attachments: mapValues(attachments, attachmentDigest),
})

/** Attachments are the same where digest and type are. */
export const attachmentDigest = ({ digest, content_type }: AttachmentStub): string =>
  `${digest ?? ''} ${content_type ?? ''}`

/** Two digests of what is the same: an attachment that was compressed on its way has another one here than there. */
export const digestOfEither = (one = '', other = ''): string => `${one}\n${other}`

/** True where a value that both sides had may have this digest; undefined stands for no value. */
export const isDigestOf = (agreed: string | undefined, digest: string | undefined): boolean =>
  agreed === digest || (digest !== undefined && agreed !== undefined && agreed.split('\n').includes(digest))

const mapValues = <Value, Result>(
  record: Record<string, Value>,
  map: (value: Value) => Result,
): Record<string, Result> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
