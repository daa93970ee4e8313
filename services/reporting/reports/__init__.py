"""What reports are: functions of a scope, each figure a sum of signed deltas."""
