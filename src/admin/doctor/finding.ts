import { omitUndefined } from '../../platform/omit-undefined.ts'

/** The result of one check. */
export interface Finding {
  /** The name of the check. */
  name: string
  /** The service that was checked, or `host`. */
  service: string
  /** `note`: worth knowing, but nothing has to be done. */
  state: 'ok' | 'fault' | 'note'
  /** What was seen, in plain words. It contains no secret, phone number or message. */
  detail: string
  /** A command for a root shell that fixes the fault. */
  mend?: string
}

export const ok = (name: string, service: string, detail: string): Finding => ({
  name,
  service,
  state: 'ok',
  detail
})
export const fault = (name: string, service: string, detail: string, fix: string): Finding => ({
  name,
  service,
  state: 'fault',
  detail,
  mend: fix
})
export const note = (name: string, service: string, detail: string, fix?: string): Finding =>
  omitUndefined({ name, service, state: 'note' as const, detail, mend: fix })

/** A fault without a command that fixes it. */
export const unexplained = (name: string, service: string, detail: string): Finding => ({
  name,
  service,
  state: 'fault',
  detail
})

/** A check that is skipped, because it would only find the consequence of another fault. */
export const skipped = (name: string, service: string, because: Finding): Finding =>
  note(
    name,
    service,
    `skipped: mend ${because.service === service ? '' : `${because.service} `}${because.name} first`
  )
