"""The running application, asked over HTTP: what its endpoints answer, and what that says."""
