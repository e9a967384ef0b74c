/** Linear warm-up from 0 to the peak, then linear decay to 0 at the last step. */
interface LinearSchedule {
  peakLearningRate: number;
  warmupSteps: number;
  totalSteps: number;
}

/**
 * The learning rate of step `step`, counted from 0.
 *
 * Step 0 already moves: warm-up reaches the peak on step warmupSteps − 1, and the last step is the last above zero.
 */
export function linearWarmupDecay({ peakLearningRate, warmupSteps, totalSteps }: LinearSchedule, step: number): number {
  if (step < warmupSteps) return (peakLearningRate * (step + 1)) / warmupSteps;
  return (peakLearningRate * Math.max(0, totalSteps - step)) / Math.max(1, totalSteps - warmupSteps);
}
