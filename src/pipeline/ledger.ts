/**
 * Compute of training, in multiply-accumulates of convolutions and linear layers: a training step costs about three forward
 * passes (forward, gradient of the inputs, gradient of the weights).
 *
 * @param images passed through the network and back
 * @param macs of one forward pass, per image
 */
export function trainingMacs(images: number, macs: number): number {
  return 3 * images * macs;
}
