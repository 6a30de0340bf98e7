"""What Flowdapt keeps of a project, and the Pivot project that says the same.

texts ──► documents ──► workflows, configs, triggers ──► moving ──► files to write, and what a person must know
"""
