import { generateX25519Identity, identityToRecipient } from 'age-encryption';

/** A new pair of keys, as text that tells what to do with each. The secret half is nowhere else. */
export async function keygenText(): Promise<string> {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  return `# Recovery key of energy-monitor's backups, made ${new Date().toISOString().slice(0, 10)}
# The next line is all that opens them. It is shown this once: put it where you keep passwords, and on paper,
# not on the Pi. Without it no backup can ever be restored.
${identity}

# Its public half, for the configuration of the Pi:
# backup:
#   recipient: ${recipient}
#   stores:
#     - directory: /mnt/usb/energy-monitor
`;
}
