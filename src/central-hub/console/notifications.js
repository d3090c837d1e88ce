import { byId, say } from './dom.js'
import { nameOf } from './lead.js'
import { texts } from './texts.js'

/**
 * Desktop notifications: asked for by a button alone, off until then; what was written is never in
 * them, a name only if wanted.
 */

const remembered = 'leadmaster-notifications'

export const createNotifications = () => {
  const supported = typeof Notification !== 'undefined' && isSecureContext
  /** `off`, `on`, or `names` */
  let choice = localStorage.getItem(remembered) ?? 'off'
  const [toggle, names, words] = ['notify-toggle', 'notify-names', 'notify-words'].map(byId)

  const blocked = () => supported && Notification.permission === 'denied'
  const on = () => supported && choice !== 'off' && Notification.permission === 'granted'
  const render = () => {
    say(
      words,
      !supported
        ? texts.notifyNone
        : blocked()
          ? texts.notifyBlocked
          : on()
            ? texts.notifyOn
            : texts.notifyOff
    )
    say(toggle, on() ? texts.notifyTurnOff : texts.notifyTurnOn)
    toggle.hidden = !supported || blocked()
    byId('notify-names-field').hidden = !on()
    names.checked = choice === 'names'
  }
  /** @param {string} chosen */
  const choose = (chosen) => {
    choice = chosen
    localStorage.setItem(remembered, chosen)
    render()
  }
  toggle.addEventListener('click', async () => {
    if (on()) return choose('off')
    choose((await Notification.requestPermission()) === 'granted' ? 'on' : 'off')
  })
  names.addEventListener('change', () => choose(names.checked ? 'names' : 'on'))

  return {
    render,
    /**
     * Tells of a new message, unless the page is before the person's eyes. @param
     * {import('../../contract/lead.ts').Lead} lead
     */
    tell: (lead) => {
      if (!on() || document.hasFocus()) return
      try {
        // the tag: one for each lead, however many tabs tell of it
        const shown = new Notification(
          choice === 'names' ? texts.newFrom(nameOf(lead)) : texts.newMessage,
          { tag: `lead-${lead.id}`, icon: 'icon.svg' }
        )
        shown.onclick = () => {
          window.focus()
          location.hash = `#/lead/${lead.id}`
          shown.close()
        }
      } catch {
        // a browser that offers them, but not to a page (Android): it is said so, and not tried
        // again
        choose('off')
        say(words, texts.notifyNone)
        toggle.hidden = true
      }
    }
  }
}
