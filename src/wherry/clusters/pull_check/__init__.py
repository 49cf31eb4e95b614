"""Does a pull work from a cluster's nodes? Tried with a tiny image; answers what fails, and the mend."""
