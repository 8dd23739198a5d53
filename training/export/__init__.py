"""From a trained model to a folder of weights that the server takes."""
