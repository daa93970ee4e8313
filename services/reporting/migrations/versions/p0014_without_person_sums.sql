-- step_sum (p0010) took the place of these. A version from before it must not run on this schema any more.
DROP TABLE reporting.person_sum, reporting.person_summed, reporting.person_sum_progress;
