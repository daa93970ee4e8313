"""The pages about an organisation, one module for each few reports; each builds sections from a view."""
