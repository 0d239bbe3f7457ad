"""An EKS cluster, against moto's AWS and a verifier of tokens here, and against the strict stand-in with a real API server where there is one."""
