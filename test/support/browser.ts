import { chromium, type Browser } from 'playwright-core';

/** A browser that looks nothing up by itself, so that what it loads is what the pages of the test ask for. */
export function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Pages of tests that no server has served are taken for pages of the internet, which may not reach this machine.
      '--disable-features=LocalNetworkAccessChecks',
    ],
  });
}
