import { omitUndefined } from '../../platform/omit-undefined.ts'

/** What doctor found out by one check. */
export interface Finding {
  /** The check. */
  name: string
  /** What it is about: a service, or `host`. */
  service: string
  /** A note is worth knowing and needs nothing done. */
  state: 'ok' | 'fault' | 'note'
  /**
   * What was seen, in plain words; of a fault, its cause. Never a secret, a phone number or a
   * message.
   */
  detail: string
  /** A command for a root shell that mends it. */
  mend?: string
}

export const ok = (name: string, service: string, detail: string): Finding => ({
  name,
  service,
  state: 'ok',
  detail
})
export const fault = (name: string, service: string, detail: string, mend: string): Finding => ({
  name,
  service,
  state: 'fault',
  detail,
  mend
})
export const note = (name: string, service: string, detail: string, mend?: string): Finding =>
  omitUndefined({ name, service, state: 'note' as const, detail, mend })

/** A fault that doctor knows no command for: the detail says what is known. */
export const unexplained = (name: string, service: string, detail: string): Finding => ({
  name,
  service,
  state: 'fault',
  detail
})

/** A check that could only tell the consequence of a fault found already. */
export const skipped = (name: string, service: string, because: Finding): Finding =>
  note(
    name,
    service,
    `skipped: mend ${because.service === service ? '' : `${because.service} `}${because.name} first`
  )
