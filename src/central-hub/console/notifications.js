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
  const inWords = () => {
    if (!supported) return texts.notifyNone
    if (blocked()) return texts.notifyBlocked
    return on() ? texts.notifyOn : texts.notifyOff
  }
  const render = () => {
    say(words, inWords())
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
     * Notifies of a new message, unless the person works in this page. @param
     * {import('../../contract/lead.ts').Lead} lead
     */
    tell: (lead) => {
      if (!on() || document.hasFocus()) return
      try {
        // the tag: one notification for each lead, even if several tabs show it
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
