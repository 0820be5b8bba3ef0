// What `couch-shares check` finds, one line each.

/** `ok` is as it should be, `note` may be meant so, `fault` is to be put right. */
export interface Finding {
  level: 'ok' | 'note' | 'fault'
  text: string
}

/** What stands before a finding. */
export const SIGNS = { ok: '✓', note: '·', fault: '✗' }

export const ok = (text: string): Finding => ({ level: 'ok', text })

export const note = (text: string): Finding => ({ level: 'note', text })

export const fault = (text: string): Finding => ({ level: 'fault', text })
