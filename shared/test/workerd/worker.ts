// An empty Worker: the runtime needs a module to load for the tests of shared/.
export default {};
