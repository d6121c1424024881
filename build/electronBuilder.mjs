// How `npm run package` makes installers. docs/desktop.md explains the choices.
import beforePack from './packaging/beforePack.mjs';

/** @type {import('electron-builder').Configuration} */
export default {
  appId: 'org.stepadapt.studio',
  productName: 'StepAdapt Studio',
  copyright: 'The StepAdapt Studio developers',
  directories: { output: 'release', buildResources: 'build/icons' },

  files: ['package.json', 'dist/**', '!dist/**/*.map', '!dist/.*', 'build/stepadapt.mjs'],
  asar: true,
  // The engine runs in a plain Node, which cannot read an archive: the program and all its modules (native ones such as
  // @tensorflow and sharp could not stay inside anyway) lie beside it. The code that holds the window's rights
  // (dist/electron) and the page (dist/renderer) stay inside, where their integrity is checked.
  asarUnpack: ['package.json', 'build/stepadapt.mjs', 'dist/src/**', 'node_modules/**'],

  // Gathers what npm does not: Node itself, and the native tensor engine if this machine has one.
  beforePack,
  extraResources: [
    { from: '.cache/package/node', to: 'node' },
    { from: '.cache/package/engines', to: 'engines' },
  ],

  // Native modules come with N-API binaries; there is nothing to build against Electron.
  npmRebuild: false,
  nodeGypRebuild: false,

  fileAssociations: [
    {
      ext: 'stepadapt',
      name: 'StepAdapt experiment',
      description: 'StepAdapt Studio experiment',
      mimeType: 'application/x-stepadapt',
      role: 'Editor',
    },
  ],

  electronFuses: {
    runAsNode: false,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    onlyLoadAppFromAsar: true,
    enableEmbeddedAsarIntegrityValidation: true,
    grantFileProtocolExtraPrivileges: false,
  },

  linux: {
    // An AppImage does not register documents; the deb does.
    target: ['deb', 'AppImage'],
    category: 'Science',
    icon: 'png',
    executableName: 'stepadapt-studio',
    syncDesktopName: true,
    maintainer: 'The StepAdapt Studio developers <studio@stepadapt.invalid>',
  },
  win: { target: ['nsis'], icon: 'icon.png' },
  nsis: {
    oneClick: false,
    allowToChangeInstallationDirectory: true,
    // Documents are registered by installations for all users alone.
    perMachine: true,
    deleteAppDataOnUninstall: false,
  },
  mac: {
    // The disk image is for people; updates would need the archive.
    target: ['dmg', 'zip'],
    icon: 'icon.png',
    category: 'public.app-category.developer-tools',
    hardenedRuntime: true,
  },

  // No feed: without one the app never looks for updates.
  publish: null,
};
