"""Actions of representatives of organisations; each checks permissions first."""
