"""The law: values of legal rules as data with their validity, and the calendar that deadlines follow."""
