/** How many times longer than usual everything may take: an emulated machine is slow. */
export const patience: number = Number(process.env['SCOW_TEST_PATIENCE'] ?? 1)
