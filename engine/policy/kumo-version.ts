/** The KumoMTA whose behaviour this is: `kumo.version`, and the version its HTTP API reports. */
export const KUMO_VERSION = '2026.08.04-3ebc1e85';
