import { beforeEach, describe, expect, it, vi } from 'vitest';
import { confineNavigation, isExternalLinkAllowed, openExternalLink } from '../../electron/navigation.js';
import { restrictPermissions } from '../../electron/permissions.js';
import { MockWebContents, preventable, resetElectron, session, shell } from './electronMock.js';
import { memoryLog } from './memoryLog.js';

vi.mock('electron', () => import('./electronMock.js'));

beforeEach(resetElectron);

describe('permissions', () => {
  const ask = (permission: string, url: string) => {
    restrictPermissions(session.defaultSession as never, memoryLog().log);
    let granted: boolean | null = null;
    session.defaultSession.permissionRequest!(null, permission, (answer) => (granted = answer), { requestingUrl: url });
    expect(session.defaultSession.permissionCheck!(null, permission, url)).toBe(granted);
    return granted;
  };

  it.each([
    'media',
    'geolocation',
    'notifications',
    'midiSysex',
    'clipboard-read',
    'fullscreen',
    'pointerLock',
    'openExternal',
    'fileSystem',
    'usb',
    'constructor',
    'unknown',
  ])('refuses %s', (permission) => expect(ask(permission, 'app://stepadapt/')).toBe(false));

  it('lets our page alone write to the clipboard', () => {
    expect(ask('clipboard-sanitized-write', 'app://stepadapt/')).toBe(true);
    expect(ask('clipboard-sanitized-write', 'app://stepadapt.example/')).toBe(false);
    expect(ask('clipboard-sanitized-write', 'https://example.com/')).toBe(false);
  });

  it('refuses devices', () => {
    restrictPermissions(session.defaultSession as never, memoryLog().log);
    expect(session.defaultSession.devicePermission!()).toBe(false);
  });
});

describe('navigation', () => {
  const confined = () => {
    const { log, messages } = memoryLog();
    const openReport = vi.fn((url: string) => url.includes('/api/report/'));
    confineNavigation(openReport, log);
    return { contents: new MockWebContents(), messages, openReport };
  };

  it.each(['will-frame-navigate', 'will-redirect', 'will-attach-webview'])('prevents %s', (name) => {
    const { contents, messages } = confined();
    const event = preventable({ url: 'https://arxiv.org/' });
    contents.emit(name, event);
    expect(event.defaultPrevented).toBe(true);
    expect(messages()).toHaveLength(1);
    expect(shell.opened).toEqual([]);
  });

  it('opens no window; listed links go to the browser, reports to their own way', () => {
    const { contents } = confined();
    for (const url of ['https://doi.org/10.1/x', 'https://example.com/', 'app://stepadapt/api/report/a']) {
      expect(contents.windowOpen!({ url })).toEqual({ action: 'deny' });
    }
    expect(shell.opened).toEqual(['https://doi.org/10.1/x']);
  });

  it.each([
    'http://arxiv.org/',
    'https://arxiv.org.example.com/',
    'https://example.com/?arxiv.org',
    'https://arxiv.org@example.com/',
    'https://user:secret@arxiv.org/',
    'https://arxiv.org:8443/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'smb://arxiv.org/share',
    'arxiv.org',
    '',
  ])('does not hand out "%s"', (url) => {
    const { log, messages } = memoryLog();
    expect(isExternalLinkAllowed(url)).toBe(false);
    openExternalLink(url, log);
    expect(shell.opened).toEqual([]);
    expect(messages()).toEqual(['external link refused']);
  });
});
