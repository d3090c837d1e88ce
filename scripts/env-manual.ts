import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/**
 * Makes the manual page leadmaster.env(5) of the templates in deploy/env, so that both say the
 * same. `node scripts/env-manual.ts | man -l -` shows it.
 */

/** A variable of a template, or several variables with one comment. */
interface Entry {
  /** Lines such as `NAME=default`, without `#`. */
  assignments: string[]
  isRequired: boolean
  text: string
}

const templates = {
  'session-manager.env': 'the WhatsApp session of one account: leadmaster-session-manager.service.',
  'central-hub.env': 'the hub: leadmaster-central-hub.service.',
  'backup.env': 'backups: leadmaster-backup.service and scripts/backup.'
}

/** The variables of a template, in its order. A commented-out variable is optional. */
export function readEntries(template: string): Entry[] {
  const entries: Entry[] = []
  let comment: string[] = []
  for (const line of template.split('\n')) {
    const [, hash, assignment] = /^(#?)([A-Z][A-Z0-9_]*=.*)$/.exec(line) ?? []
    if (assignment !== undefined) {
      const latest = entries.at(-1)
      if (comment.length === 0 && latest !== undefined) latest.assignments.push(assignment)
      else
        entries.push({
          assignments: [assignment],
          isRequired: hash === '',
          text: comment.join(' ')
        })
      comment = []
    } else if (line.startsWith('# ')) comment.push(line.slice(2))
    else comment = []
  }
  return entries
}

/** Escapes text for roff: backslashes, hyphens, and a dot or quote at the start of a line. */
function escapeRoff(text: string): string {
  const escaped = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...')
  return escaped.replace(/^(?=[.'])/gm, '\\&')
}

/** One sentence a line. A long path or URL may break after `/`, `=` or `,`. */
function toLines(text: string): string {
  const lines = escapeRoff(text.replace(/([.;]) (?=[A-Z])/g, '$1\n'))
  return lines.replace(/([/=,])(?=\S)/g, '$1\\:')
}

function describeEntry({ assignments, isRequired, text }: Entry): string {
  const names = assignments.map((assignment, index) => {
    const [name = '', value = ''] = assignment.split(/=(.*)/s)
    const shown = value === '' ? '' : ` "=${escapeRoff(value)}"`
    return `${index === 0 ? '.TP' : '.TQ'}\n.BR ${name}${shown}`
  })
  return `${names.join('\n')}\n${isRequired ? 'Required. ' : ''}${toLines(text)}`
}

function describeTemplate(name: string, whatFor: string, root: string): string {
  const entries = readEntries(readFileSync(join(root, 'deploy/env', name), 'utf8'))
  const title = name.toUpperCase().replaceAll('-', '\\-')
  return `.SH ${title}\nFor ${escapeRoff(whatFor)}\n${entries.map(describeEntry).join('\n')}`
}

/** @param root the repository or a release, which has deploy/env */
export function makeEnvManual(root: string): string {
  const parts = Object.entries(templates).map(([name, whatFor]) =>
    describeTemplate(name, whatFor, root)
  )
  return String.raw`.TH LEADMASTER.ENV 5 "" LeadMaster
.ad l
.nh
.SH NAME
leadmaster.env \- environment files of LeadMaster
.SH SYNOPSIS
.I /etc/leadmaster/session\-manager.env
.br
.I /etc/leadmaster/central\-hub.env
.br
.I /etc/leadmaster/backup.env
.SH DESCRIPTION
Each service reads its configuration from one file, in the syntax of
.I EnvironmentFile=
in
.BR systemd.exec (5).
After a change, restart the service.
.PP
A service does not start with a variable that is missing, empty, malformed, out of range or unknown.
It exits with 78 and one message that names every fault.
.PP
Durations are a number and a unit: ms, s, m, h or d.
Sizes: B, KiB, MiB or GiB.
.PP
The value that is shown is the default, or what the template has where a variable is required.
${parts.join('\n')}
.SH SEE ALSO
.BR leadmaster (1),
.BR leadmaster\-doctor (1),
.BR systemd.exec (5),
.I /usr/share/doc/leadmaster/deploy/env/README.md
`
}

if (import.meta.main) process.stdout.write(makeEnvManual(resolve(import.meta.dirname, '..')))
