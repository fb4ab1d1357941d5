"""O contêiner que leva `serving/cloud` às nuvens: Dockerfile, manifesto, requisitos da imagem e quem o inicia."""
