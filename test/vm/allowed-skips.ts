/** Tests that the virtual machine may skip: the test's name, and why. Any other skip is a failure. */
export const allowedSkips: Readonly<Record<string, string>> = {}
