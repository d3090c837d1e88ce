import { byId, say } from './dom.js'
import { errorNote } from './error.js'

/** Dialogs that ask before something is done. */

/**
 * Runs the action of a dialog. If it fails, the dialog stays open and shows the error.
 * @param {HTMLDialogElement} dialog @param {() => Promise<void>} run
 */
export const act = async (dialog, run) => {
  const button = /** @type {HTMLButtonElement} */ (dialog.querySelector('[type=submit]'))
  const note = /** @type {HTMLElement} */ (dialog.querySelector('.outcome'))
  if (button.getAttribute('aria-disabled') === 'true') return
  button.setAttribute('aria-disabled', 'true')
  note.replaceChildren()
  try {
    await run()
    dialog.close()
  } catch (error) {
    note.replaceChildren(errorNote(error))
  } finally {
    button.removeAttribute('aria-disabled')
  }
}

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} text what happens, and whether it can be undone
 * @property {string} yes the word on the button
 * @property {boolean} [isDanger] it takes something away
 * @property {boolean} [withPassword] a new password is typed, too
 * @property {(password: string) => Promise<void>} run what is asked about
 */

/** The dialog of index.html that asks about whatever is to be done. */
export class ConfirmDialog {
  #dialog = byId('confirm')
  #form = byId('confirm-form')
  #yes = byId('confirm-yes')
  #password = byId('confirm-password')
  /** @type {Question['run']} */
  #run = async () => {}

  constructor() {
    this.#dialog.querySelector('[value=no]')?.addEventListener('click', () => this.#dialog.close())
    // What was typed does not stay in the page.
    this.#dialog.addEventListener('close', () => this.#form.reset())
    this.#form.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      void act(this.#dialog, () => this.#run(this.#password.value))
    })
  }

  /** @param {Question} question */
  ask({ title, text, yes, isDanger = false, withPassword = false, run }) {
    this.#run = run
    say(byId('confirm-title'), title)
    say(byId('confirm-text'), text)
    say(this.#yes, yes)
    this.#yes.className = isDanger ? 'danger' : 'primary'
    byId('confirm-secret').hidden = !withPassword
    this.#password.disabled = !withPassword
    this.#dialog.querySelector('.outcome').replaceChildren()
    this.#dialog.showModal()
  }
}
