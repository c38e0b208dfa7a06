import { findDebianProgram } from './debian-program.ts';

/** Where a browser without windows is. */
export function findChromium(): Promise<string> {
  return findDebianProgram({
    name: 'Chromium',
    places: [
      'chromium-headless-shell',
      'chromium',
      'google-chrome',
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
    ],
    debianPackage: 'chromium-headless-shell',
    mend: 'install it (apt install chromium-headless-shell, brew install chromium)',
  });
}
