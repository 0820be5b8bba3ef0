// What the parent and the child say to each other over IPC, so that both sides are checked against one type.

export interface AdminCredentials {
  user: string
  pass: string
}

/** From the parent. `start` comes once, first; credentials travel here because argv and environment are readable by others. */
export type ParentMessage =
  { type: 'start'; port: number; dataDir: string | null; admin: AdminCredentials } | { type: 'stop' }

export type EmbeddedErrorCode = 'port_in_use' | 'not_installed' | 'data_in_use' | 'data_unusable' | 'failed'

export type ChildMessage =
  { type: 'ready'; port: number } | { type: 'failed'; code: EmbeddedErrorCode; message: string }
