/**
 * The first script of the page: until the loader is there, `__d` and `requireLazy` only queue what
 * they are given. The bundles are loaded asynchronously, so some of them may come before the
 * loader.
 */
__d_stub = []
__d = function (id, dependencies, factory, special) {
  __d_stub.push([id, dependencies, factory, special])
}
__rl_stub = []
requireLazy = function () {
  __rl_stub.push(arguments)
}
