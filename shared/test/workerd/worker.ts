// The Worker under the tests of the shared code: nothing but a module for the runtime to load.
export default {};
